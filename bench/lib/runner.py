"""Runs one program for each line of JSON on stdin and answers with what the kernel counted of it.

Request:  {"argv": [...], "cwd": "...", "env": {...}, "stdout": "file", "stderr": "file", "timeout": seconds}
Answer:   {"code": 0, "wall": s, "user": s, "system": s, "rss": bytes, "read": bytes}
"read" is what went through read calls, from files and connections; null where the system does not tell.
Children of the program are counted when it waited for them.
"""

import json
import os
import signal
import sys
import time


def bytes_read(pid):
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            return int(file.readline().removeprefix("rchar:"))
    except (OSError, ValueError):
        return None


def run(request):
    # Appending, because several processes of one run may write at once.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    out = os.open(request["stdout"], flags, 0o600)
    err = os.open(request["stderr"], flags, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os.chdir(request["cwd"])
            os.dup2(null, 0)
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.execvpe(request["argv"][0], request["argv"], request["env"])
        except OSError as error:
            os.write(2, str(error).encode())
        os._exit(127)
    for handle in (out, err, null):
        os.close(handle)

    def stop(_signal, _frame):
        os.killpg(pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(int(request["timeout"]))
    # Ended, but not yet forgotten by the kernel.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    wall = time.perf_counter() - start
    read = bytes_read(pid)
    _, status, usage = os.wait4(pid, 0)
    signal.alarm(0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "rss": usage.ru_maxrss * 1024,
        "read": read,
    }


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
