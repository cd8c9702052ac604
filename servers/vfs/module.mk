# SPDX-License-Identifier: MIT
name := vfs
kind := service
depends := lib/base lib/sys
serves := vfs
calls := kernel fs char vm pm vfs ds
linux := vfs
copy := no
test_generated := protocols/kernel_client protocols/fs_client protocols/char_client protocols/vm_client protocols/pm_client protocols/vfs_client linux_vfs_dispatch
test_sources := attribute.c derive.c xattr.c socket.c message.c descriptor.c device.c directory.c epoll.c event.c exec.c fast.c file.c io.c lock.c mount.c name.c object.c open.c operation.c \
    path.c pipe.c poll.c process.c rename.c seek.c stat.c state.c vnode.c walk.c watch.c
