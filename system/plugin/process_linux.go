package plugin

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// contain gives a process a group of its own, and has it killed with the thread that starts it.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// firstToGo has the kernel kill a process before others when the machine runs out of memory.
func firstToGo(pid int) {
	const (
		most = "1000"
		mode = 0o600 // the file is there
	)

	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte(most), mode) // it is watched in any case
}

// resident returns how many bytes of memory a process has, or 0 if that cannot be known.
func resident(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}

	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}

	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}

	return pages * int64(os.Getpagesize())
}
