"""In which types layers calculate and keep their weights."""

from latih.dtype_policies import dtype_policy as dtype_policy
from latih.dtype_policies.dtype_policy import DTypePolicy as DTypePolicy
from latih.dtype_policies.dtype_policy import deserialize as deserialize
from latih.dtype_policies.dtype_policy import get as get
from latih.dtype_policies.dtype_policy import serialize as serialize
