"""The engine: tensors, dispatch and the tape. It runs programs and knows nothing of traces."""
