package wan4j.quant;

import wan4j.tensor.Tensor;

/// A host matrix in 8 bits: E4M3 `values [rows, columns]` and the float32 factors that dequantise
/// them, shaped as `granularity` says.
public record Float8Matrix(Tensor values, Tensor inverseScales, Granularity granularity) {}
