from kassei import analyze, catalogue, emit, load

mine = load("my_unit.toml")
found = analyze(mine)
print(found.requirements["R1"].truth, found.requirements["R1"].condition)
print(found.facts.derivative)
print(sorted(emit(mine, "numpy")))
print(catalogue["gelu"].expr)
