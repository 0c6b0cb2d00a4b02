"""What is closed at the end of a `with` block."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Something of the system's that has to be given back."""

    @abstractmethod
    def close(self) -> None:
        """Give it back; a second time does nothing."""

    def __enter__(self) -> Self:
        """Use it for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
