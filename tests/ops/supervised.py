"""A supervisor over the programs of a JSON description, as a process that tests can signal. Run as a script."""

import json
import os
import sys

from app.supervisor.child import Output
from app.supervisor.lifeline import GuardLifeline, KernelLifeline
from app.supervisor.loop import Supervisor
from app.supervisor.program import Program, RestartPolicy


def main() -> None:
    description = json.loads(sys.argv[1])
    supervisor = Supervisor(
        Output(sys.stdout.buffer, name_width=5),
        GuardLifeline() if description.get("guard") else KernelLifeline(),
        policy=RestartPolicy(**description.get("policy", {})),
        grace_seconds=description.get("grace_seconds", 4),
    )
    with supervisor.signals():
        for name, code in description.get("held", {}).items():
            supervisor.keep(_program(name, code), is_held=True)
        for name, code in description.get("once", {}).items():
            print(f"{name} gave {supervisor.complete(_program(name, code))}", flush=True)
        for name in description.get("held", {}):
            supervisor.let_go(name)
        for name, code in description.get("keep", {}).items():
            supervisor.keep(_program(name, code, description.get("python", sys.executable)))
        supervisor.run_until_stopped()
        supervisor.stop(last=description.get("last", []))


def _program(name: str, code: str, python: str = sys.executable) -> Program:
    return Program(name=name, argv=[python, "-c", code], environ=os.environ, config=b"the config\n")


if __name__ == "__main__":
    main()
