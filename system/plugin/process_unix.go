//go:build unix

package plugin

import "syscall"

// killGroup kills a process and all that it has started and that is still in its group.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // there may be none left
