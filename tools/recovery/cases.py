# SPDX-License-Identifier: MIT
"""What makes a service receive a call: for each service and protocol one shell command per operation of the IDL. operations.py wants all of them: an
operation that is new in a .idl file needs a line here, a command or Never with the reason why no command of a program leads to it.

`@` in a command stands for a word that is new in each run, so that no cache knows the answer; it is put back in what the command prints."""


class Never(str):
    pass


NO_CONTENTS = Never("the server has no regular files with contents of its own")
NO_WAITING = Never("the driver never lets a request wait")
NO_SESSIONS = Never("only a terminal has sessions")


def tree(folder, kind, inner, file, setattr, **other):
    """Commands for a file server below `folder`, in which names can be made; `inner` is a folder in it."""
    return {
        "mount": "mkdir -p /mnt/@; mount -t %s none /mnt/@ && ls -d /mnt/@/. && umount /mnt/@ && echo gone" % kind,
        "unmount": "mkdir -p /mnt/@; mount -t %s none /mnt/@ && umount /mnt/@ && echo gone" % kind,
        "lookup": "ls %s/@" % folder,
        "mkdir": "mkdir %s/@ && ls -d %s/@ && rmdir %s/@" % (folder, folder, folder),
        "symlink": "ln -s target %s/@ && readlink %s/@; rm -f %s/@" % (folder, folder, folder),
        "readlink": "ln -s target %s/@ && readlink %s/@; rm -f %s/@" % (folder, folder, folder),
        "statfs": "stat -f -c %%l %s" % folder,
        "name_of": "cd %s && /bin/pwd" % inner,
        "getdents": "ls -d %s; ls %s" % (inner, inner),
        "getattr": "stat -c '%%a %%h' %s" % file,
        "setattr": setattr,
        "put_node": "ls -l %s | cut -c1-10" % file,
        **other,
    }


TMPFS = tree(
    "/tmp", "tmpfs", "/usr/bin", "/etc/profile", "echo >/tmp/@; chmod 640 /tmp/@; stat -c %a /tmp/@; rm /tmp/@",
    getdents="mkdir /tmp/@; touch /tmp/@/a /tmp/@/b; ls /tmp/@; rm -r /tmp/@",
    name_of="n=/tmp/@-a-name-that-is-longer-than-the-cache-of-vfs-takes; mkdir -p $n; cd $n && /bin/pwd; rmdir $n",
    put_node="echo text >/tmp/@; rm /tmp/@; ls /tmp/@",
    create="echo text >/tmp/@ && cat /tmp/@; rm /tmp/@",
    link="echo text >/tmp/@; ln /tmp/@ /tmp/@b; stat -c %h /tmp/@; rm /tmp/@ /tmp/@b",
    unlink="echo text >/tmp/@; rm /tmp/@; ls /tmp/@",
    rename="echo text >/tmp/@; mv /tmp/@ /tmp/@b; cat /tmp/@b; ls /tmp/@; rm /tmp/@b",
    data_object="echo text >/tmp/@; cat /tmp/@; rm /tmp/@",
    getattr="echo text >/tmp/@; stat -c '%s %b' /tmp/@; rm /tmp/@",
    read=NO_CONTENTS, write=NO_CONTENTS)

DEVFS_TREE = tree(
    "/dev", "devtmpfs", "/dev/pts", "/dev/null", "chmod 622 /dev/zero; stat -c %a /dev/zero; chmod 666 /dev/zero",
    create="mknod /dev/@ c 1 3 && echo text >/dev/@; stat -c %t:%T /dev/@; rm /dev/@",
    link="ln /dev/null /dev/@",
    unlink="mknod /dev/@ p; rm /dev/@; ls /dev/@",
    rename="mknod /dev/@ c 1 3; mv /dev/@ /dev/@b; ls /dev/@ /dev/@b; rm /dev/@b",
    put_node="mknod /dev/@ p; rm /dev/@; ls /dev/@",
    name_of=Never("its names are short enough for the cache of VFS"),
    data_object=NO_CONTENTS, read=NO_CONTENTS, write=NO_CONTENTS)

PROCFS = tree(
    "/proc", "proc", "/proc/sys/kernel", "/proc/version", "chmod 600 /proc/version",
    mkdir="mkdir /proc/@",
    symlink="ln -s target /proc/@",
    readlink="readlink /proc/mounts",
    create="echo >/proc/@",
    link="ln /proc/version /proc/@",
    unlink="rm -f /proc/version",
    rename="mv /proc/version /proc/versions",
    read="cat /proc/version /proc/sys/kernel/hostname",
    write="echo name >/proc/sys/kernel/hostname",
    data_object=NO_CONTENTS)


def device(path, **other):
    """Commands for a device that can be read and written."""
    return {
        "open": "head -c 3 %s | wc -c" % path,
        "close": "head -c 3 %s | wc -c" % path,
        "read": "head -c 3 %s | wc -c" % path,
        "write": "echo text >%s && echo written" % path,
        "ioctl": "stty -F %s 2>&1 | sed 's/speed.*//'" % path,
        "poll": "read -t 2 -n 1 word <%s; echo done" % path,
        "cancel": NO_WAITING,
        "session_end": NO_SESSIONS,
        **other,
    }


TTY = device(
    "/dev/console",
    open=": </dev/console && echo opened",
    close=": </dev/console && echo closed",
    read="stty -F /dev/console -icanon min 0 time 1 && dd if=/dev/console bs=1 count=1 2>/dev/null | wc -c; stty -F /dev/console raw -echo",
    write="printf 'on the console\\n' >/dev/console",
    ioctl="stty -F /dev/console size",
    poll="read -t 1 -n 1 word </dev/console; echo $?",
    cancel="timeout 1 cat /dev/console; echo $?",
    session_end="setsid sh -c ': </dev/ttyS2; echo led'; sleep 0.1")

# VFS itself reads and writes null and zero.
MEMORY = device("/dev/full", poll="read -t 2 -n 1 word </dev/null; echo done")

DS = {operation: "service up /service/probe && service down probe && echo right" for operation in (
    "publish", "retrieve", "delete", "subscribe", "check", "unsubscribe", "snapshot", "publish_label", "delete_label", "retrieve_label",
    "retrieve_name")}

CASES = {
    ("tmpfs", "fs"): TMPFS,
    ("devfs", "fs"): DEVFS_TREE,
    ("devfs", "devfs"): {operation: DS["publish"] for operation in ("make_node", "remove_node")},
    ("procfs", "fs"): PROCFS,
    ("tty", "char"): TTY,
    ("memory", "char"): MEMORY,
    ("random", "char"): device("/dev/urandom"),
    ("hello", "char"): device("/dev/hello"),
    ("ds", "ds"): DS,
    ("sched", "sched"): {"start": "echo `echo a child`",
                           "stop": Never("PM lets a thread that is gone be forgotten with the next one of its slot"),
                           "nice": "renice -n 5 -p $$ && cut -d' ' -f19 /proc/$$/stat"},
}
