"""Round trips with the sapgenpse of this machine: `pytest --pyargs pse_preflight.conformance --sapgenpse PATH`.

They show whether the toolkit and this build understand each other, and write down what the build says where that is not
known, as one text file without secrets that can be attached to a report.
"""
