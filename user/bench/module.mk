name := bench
kind := program
