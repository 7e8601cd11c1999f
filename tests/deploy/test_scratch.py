def test_dump(told):
    open("/tmp/told.txt","w").write("\n".join(f"{n} {dict(l)} {v}" for (n,l),v in sorted(told.values.items(), key=str)))
    open("/tmp/labels.txt","w").write("\n".join(f"{n} {sorted(l)}" for n,l in sorted(told.labels.items())))
