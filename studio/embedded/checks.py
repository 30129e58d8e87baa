"""What is looked at before anything is started: free ports, and services elsewhere that must answer."""

import errno
import socket
import time
from urllib.parse import urlsplit

import psycopg

from studio.embedded.home import StartError
from studio.embedded.mlflow import answers

PATIENCE = 3.0  # seconds: a studio that was killed a moment ago still lets go of its port


def check_port(bind: str, port: int, *, setting: str, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while problem := port_problem(bind, port):
        if problem.errno == errno.EADDRINUSE and time.monotonic() < end:
            time.sleep(0.1)
            continue
        if problem.errno == errno.EADDRINUSE:
            other = port + 1 if port < 65535 else 8000
            said = f"Port {port} for {what} is taken by another program. Choose another: {setting}={other}."
        elif problem.errno == errno.EACCES:
            said = f"Port {port} for {what} is kept for root. Choose one above 1023: {setting}=8000."
        else:
            said = (
                f"STUDIO_BIND is “{bind}”, which is not an address of this machine. Write STUDIO_BIND=127.0.0.1 (only "
                f"this machine can reach it) or STUDIO_BIND=0.0.0.0 (every machine that has a way to it)."
            )
        raise StartError(said)


def port_problem(bind: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except UnicodeError:
        return OSError(errno.EINVAL, "not a host name")
    except OSError as problem:
        return problem
    return None


def check_database(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as problem:
        raise StartError(
            f"The PostgreSQL server that DATABASE_URL names ({without_password(url)}) cannot be used: "
            f"{first_line(problem)} Start it or correct DATABASE_URL, or unset it to use the one that comes with "
            f"the studio."
        ) from None


def check_broker(url: str) -> None:
    from kombu import Connection  # costs 0.2 s that most starts need not pay

    try:
        with Connection(url, connect_timeout=5) as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except Exception as problem:
        raise StartError(
            f"The broker that BROKER_URL names ({without_password(url)}) cannot be used: {first_line(problem)} "
            f"Start it or correct BROKER_URL, or unset it to use the one that comes with the studio."
        ) from None


def check_mlflow(uri: str) -> None:
    if not answers(f"{uri}/health", seconds=10):
        raise StartError(
            f"The MLflow server that MLFLOW_TRACKING_URI names ({without_password(uri)}) does not answer. Start it "
            f"or correct MLFLOW_TRACKING_URI, or unset it to use the one that comes with the studio."
        )


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def first_line(problem: Exception) -> str:
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return lines[0].rstrip(".") + "."
