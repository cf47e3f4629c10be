// Kustomize's Go API over many folders in one process: the peer that `cargo xtask bench render`
// measures beside the command. Arguments: a file with one "FOLDER<tab>NAME" per line, and the
// folder that NAME is written to.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	list, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	failed := 0
	for _, line := range strings.Split(strings.TrimSpace(string(list)), "\n") {
		folder, name, _ := strings.Cut(line, "\t")
		if err := render(folder, filepath.Join(os.Args[2], name)); err != nil {
			fmt.Fprintln(os.Stderr, folder, err)
			failed++
		}
	}
	fmt.Println("failed:", failed)
}

func render(folder, file string) error {
	options := krusty.MakeDefaultOptions()
	// What the command does when --reorder is not given.
	options.Reorder = krusty.ReorderOptionUnspecified
	built, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	text, err := built.AsYaml()
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
