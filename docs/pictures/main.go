// Command pictures draws the pictures of docs/learning.md, from simulations
// alone. In the root of the checkout:
//
//	go run ./docs/pictures
//
// The same code draws the same pictures.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	for name, draw := range map[string]func() (*picture, error){
		"drawing.svg":   drawing,
		"trial.svg":     trials,
		"expected.svg":  expected,
		"selective.svg": selective,
	} {
		p, err := draw()
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join("docs", "pictures", name), p.svg(), 0o644); err != nil {
			log.Fatal(err)
		}
		fmt.Println(name)
	}
}
