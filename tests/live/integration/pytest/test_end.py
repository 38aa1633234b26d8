# SPDX-License-Identifier: MIT
"""A worker that dies, and a process of its that does not."""
import os
import signal
import subprocess
import time


def child():
    # xdist sees its worker's end by a pipe, which a fork would keep open
    if "PYTEST_XDIST_WORKER" in os.environ:
        null = subprocess.DEVNULL
        return subprocess.Popen(
            ["sleep", "60"], stdin=null, stdout=null, stderr=null
        ).pid
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    return pid


def test_killed(testenv_db, testenv_url):
    with open(os.environ["SEEN"] + "/child", "w") as f:
        print(child(), file=f)
    os.kill(os.getpid(), signal.SIGKILL)
