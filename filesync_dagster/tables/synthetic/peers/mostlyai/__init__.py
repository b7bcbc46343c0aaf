"""The Synthetic Data Engine of MOSTLY AI: neural networks, in an environment and a process of their own.

`install` makes the environment, `learner` prepares rows and takes what is drawn, `process` runs `worker`, a script
that imports nothing of ours.
"""
