"""Certificates replayed by other engines: nothing here imports the prover.

The formula is parsed again. Z3 is asked for a counterexample to each statement, with parameters and inputs as real
variables and exponentials as variables that obey what is true of exponentials; intervals with exact ends look at the
definition itself. What an engine shows completely is ``confirmed``; where none does, the statement is ``consistent``
with all that was looked at; and ``contradicted`` comes with the place.
"""

from kassei.verify.read import BadCertificate as BadCertificate
from kassei.verify.read import Certificate as Certificate
from kassei.verify.read import read as read
from kassei.verify.replay import replay as replay
from kassei.verify.report import Report as Report
