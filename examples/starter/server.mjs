process.stdout.write('examples/starter: nothing to serve yet\n')
