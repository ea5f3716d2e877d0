"""In which types layers calculate and keep their weights."""

from latih.dtype_policies import dtype_policy as dtype_policy
from latih.dtype_policies.dtype_policy import DTypePolicy as DTypePolicy
