"""The time for which systems are waited for is handed out once, and apart from everything else."""

from pse_preflight.run.waiting import Waiting


def test_what_passes_while_somebody_waits_is_taken_once() -> None:
    seconds = iter([1.0, 4.0, 10.0, 10.5])
    waiting = Waiting(lambda: next(seconds))
    with waiting.going_on():
        pass
    with waiting.going_on():
        pass
    assert waiting.taken() == 3.5
    assert waiting.taken() == 0.0


def test_the_time_of_a_system_is_booked_once() -> None:
    waiting = Waiting()
    assert not waiting.is_booked("PRD")
    assert waiting.owed("PRD", 7.0) == 7.0
    assert waiting.is_booked("PRD")
    assert not waiting.is_booked("QAS")
