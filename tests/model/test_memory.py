"""Memory of the cells: zeros that begin where the processor reads them fastest."""

import numpy as np
import numpy.typing as npt
import pytest

from crosstwin_model.memory import aligned_zeros


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.float64])
@pytest.mark.parametrize("size", [1, 1000, (1 << 21) - 1, 1 << 21, (1 << 22) + 17])
def test_zeros_are_aligned_writable_and_whole(size: int, dtype: npt.DTypeLike) -> None:
    zeros = aligned_zeros(size, dtype)
    assert (zeros.shape, zeros.dtype) == ((size,), np.dtype(dtype))
    assert zeros.flags.c_contiguous and zeros.flags.writeable and zeros.ctypes.data % 64 == 0
    assert not zeros.any()
    zeros[:] = 1
    assert zeros.sum() == size
