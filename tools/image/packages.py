# SPDX-License-Identifier: MIT
"""Fetches the Debian packages whose programs go into the image: pinned in packages.lock by version and SHA-256, downloaded by
apt-get (which checks the archive's signature) into build/downloads, unpacked there, used from there the next time."""
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DOWNLOADS = os.path.join(ROOT, "build", "downloads")


def locked(path=os.path.join(HERE, "packages.lock")):
    """Yields (package, version, sha256) for each line of a lock file."""
    with open(path) as lock:
        for line in lock:
            if line.strip() and not line.startswith("#"):
                yield tuple(line.split())


def sha256(path):
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def _apt_download(what):
    """Downloads one package; where apt has no lists yet, it gets them first."""
    result = _try_download(what)
    if result.returncode != 0 and not _has_lists():
        as_root = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run(as_root + ["apt-get", "update", "-qq"], stdout=subprocess.DEVNULL)
        result = _try_download(what)
    return result


def _has_lists():
    folder = "/var/lib/apt/lists"
    return os.path.isdir(folder) and any(name.endswith("Packages") or "_Packages" in name for name in os.listdir(folder))


def _try_download(what):
    return subprocess.run(["apt-get", "download", what], cwd=DOWNLOADS, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)


def _find(package):
    names = sorted(name for name in os.listdir(DOWNLOADS) if name.startswith(package + "_") and name.endswith(".deb"))
    return os.path.join(DOWNLOADS, names[-1]) if names else None


def _download(package, version, digest):
    """Returns the .deb of the locked version; of the archive's current one, with a warning, where that one is gone."""
    os.makedirs(DOWNLOADS, exist_ok=True)
    path = _find(package)
    if path and sha256(path) == digest:
        return path
    result = _apt_download("%s=%s" % (package, version))
    if result.returncode != 0:
        print("image: %s %s is not to be had; taking the archive's current version" % (package, version), file=sys.stderr)
        result = _apt_download(package)
    if result.returncode != 0:
        raise SystemExit("image: cannot download %s:\n%s" % (package, result.stderr))
    path = _find(package)
    if version in path.replace("%3a", ":") and sha256(path) != digest:
        raise SystemExit("image: %s does not have the SHA-256 of its lock file" % os.path.basename(path))
    return path


def unpack(package, version, digest):
    """Returns the folder that holds the package's files."""
    target = os.path.join(DOWNLOADS, package)
    stamp = os.path.join(target, ".unpacked-" + digest)
    if not os.path.exists(stamp):
        print("  fetching %s %s" % (package, version), file=sys.stderr)
        path = _download(package, version, digest)
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(["dpkg", "-x", path, target], check=True)
        open(stamp, "w").close()
    return target


def unpack_all():
    return {package: unpack(package, version, digest) for package, version, digest in locked()}
