"""A PostgreSQL server with data of its own, on loopback or another address of this machine, for scripts: of the programs that Debian's package `postgresql` installs."""

import glob
import os
import signal
import socket
import subprocess
import time


class Server:
    def __init__(self, folder, address="127.0.0.1"):
        installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not installed:
            raise SystemExit("this needs PostgreSQL: apt-get install postgresql")
        self.bin = os.path.dirname(installed[-1])
        self.data = os.path.join(folder, "postgres")
        os.mkdir(self.data)
        self.as_other = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root.
            os.chmod(folder, 0o755)
            os.chown(self.data, 65534, 65534)
            self.as_other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        subprocess.run([*self.as_other, f"{self.bin}/initdb", "-U", "twinbuild", "--auth=trust", "-E", "UTF8", "--no-locale", "-D", self.data],
                       check=True, stdout=subprocess.DEVNULL)
        with open(f"{self.data}/pg_hba.conf", "a") as file:
            file.write("host all all samenet trust\n")
        self.address = address
        with socket.socket() as probe:
            probe.bind((address, 0))
            self.port = probe.getsockname()[1]
        self.url = self.url_of("postgres")
        self.start()

    def start(self):
        self.process = subprocess.Popen([*self.as_other, f"{self.bin}/postgres", "-D", self.data, "-h", self.address, "-p", str(self.port), "-k", ""],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            if subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", self.address, "-p", str(self.port)]).returncode == 0:
                return
            time.sleep(0.1)
        raise SystemExit("PostgreSQL does not answer")

    def stop(self, how=signal.SIGINT):
        """In order, or with SIGQUIT at once, as a machine that is switched off."""
        self.process.send_signal(how)
        self.process.wait()

    def url_of(self, database):
        return f"postgres://twinbuild@{self.address}:{self.port}/{database}"

    def ask(self, sql, database="postgres"):
        """The rows of an answer, each a list of texts."""
        asked = subprocess.run([f"{self.bin}/psql", "-h", self.address, "-p", str(self.port), "-U", "twinbuild", "-d", database, "-X", "-A", "-t", "-F", "\t", "-c", sql],
                               check=True, capture_output=True, text=True)
        return [line.split("\t") for line in asked.stdout.splitlines()]
