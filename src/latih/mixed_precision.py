"""Keras's older name for the policies of types; they live in ``latih.config``."""

from latih.dtype_policies.dtype_policy import DTypePolicy as DTypePolicy
from latih.dtype_policies.dtype_policy import DTypePolicy as Policy
from latih.dtype_policies.dtype_policy import dtype_policy as dtype_policy
from latih.dtype_policies.dtype_policy import dtype_policy as global_policy
from latih.dtype_policies.dtype_policy import set_dtype_policy as set_dtype_policy
from latih.dtype_policies.dtype_policy import set_dtype_policy as set_global_policy

__all__ = [
    "DTypePolicy",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
