"""Did the fine-tune make the model better at calling tools, and what is the proof?"""
