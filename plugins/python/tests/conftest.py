import os
import sys

HERE = os.path.dirname(__file__)
sys.path[:0] = [HERE, os.path.dirname(HERE)]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.path.dirname(HERE), os.environ.get("PYTHONPATH", "")]))
