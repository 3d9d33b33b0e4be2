# The rule that takes it, a near miss, and what no rule may take.
fixture queue-kinds queue
ask --explain=6AMEjQA6022445 queue
ask --explain=6ALGJsY0017980 queue
