"""Generators propose training conversations. The pipeline checks the conversations and writes a trace dataset.

    pipeline.py          one generation, from the generator's proposals to the finished folder
    stages.py            the checks that every proposed conversation must pass
    near_duplicates.py   finds questions that are nearly the same
    executed_calls.py    runs each tool call once
    template/            generator `template`: word lists and phrasings, offline
    teacher/             generator `teacher`: other models write the conversations
    import_generator.py  generator `import`: conversations that already exist in a file or on the hub
    trace_dataset/       the files of a trace dataset, its card, its audit, its upload
    commands/            `toolmark generate` and `toolmark data`

A generator only proposes conversations. The checks in `stages.py` decide whether a conversation is good enough. These
checks are the same for all generators.
"""
