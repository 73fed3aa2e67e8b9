"""Uses up processor time."""


def attack(directory, files):
    while True:
        pass
