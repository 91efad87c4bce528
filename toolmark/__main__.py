"""`python -m toolmark` is the command `toolmark`, for launchers: `accelerate launch -m toolmark train lora`."""

from toolmark.benchmark.cli import main

if __name__ == "__main__":
    main()
