"""Records Ctrl-C and SIGTERM, so that a loop can finish its step before it stops."""

import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Within the block, SIGINT and SIGTERM set `received` instead of ending the process.

    A second signal of the same kind acts at once. Outside the main thread, handlers cannot be set, so nothing changes.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) in (signal.SIG_IGN, None):  # ignored (nohup), or not Python's to restore
                    continue
                self._before[number] = signal.signal(number, self._receive)
        return self

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, self._before[number])  # type: ignore[arg-type]

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
