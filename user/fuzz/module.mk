name := fuzz-calls
kind := program
