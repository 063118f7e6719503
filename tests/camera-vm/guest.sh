# Runs inside the camera VM, as root, on the host's files: plugs the camera in, runs the command, leaves its exit code.
# run.sh leaves `camera`, `shared` and `command` beside this file, in /run/control.

control=/run/control
camera=$(cat $control/camera)
shared=$(cat $control/shared)
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8

exec </dev/null
ln -s /proc/self/fd /dev/fd
# Output goes through a process that can be waited for: powering off cuts off what is still in the pipe.
exec 3> >(exec cat >/dev/vport0p1)
output=$!

ip link set lo up
mkdir -p "$shared"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 shared "$shared"

case $camera in
vivid)
    modprobe vivid n_devs=1 node_types=1 num_inputs=1 input_types=0
    ;;
uvc)
    modprobe vhci-hcd
    modprobe uvcvideo
    python3 $control/uvc_camera.py $control/camera.mjpeg >/run/uvc_camera.log 2>&1 &
    ;;
esac
for ((i = 0; i < 200; i++)); do
    [ -e /dev/video0 ] && break
    sleep 0.1
done

cd "$shared" || exit
bash $control/command >&3 2>&1 3>&-
echo $? >$control/exit-code
exec 3>&-
timeout 5 tail --pid=$output -f /dev/null
echo o >/proc/sysrq-trigger # power off
sleep 9
