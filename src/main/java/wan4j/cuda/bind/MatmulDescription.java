package wan4j.cuda.bind;

/// One matrix product in row-major words: `output[rows, columns] = input[rows, inner] · weight`,
/// where `weight` is `[columns, inner]` as a linear layer stores it, or `[inner, columns]` when
/// `weightByInner`. Strides are the distance of rows in elements; batch strides of whole matrices.
public record MatmulDescription(
    long rows,
    long columns,
    long inner,
    Element input,
    Element output,
    Compute compute,
    Epilogue epilogue,
    Scale inputScale,
    Scale weightScale,
    boolean fastAccumulation,
    boolean weightByInner,
    long inputStride,
    long weightStride,
    long outputStride,
    int batch,
    long inputBatch,
    long weightBatch,
    long outputBatch) {

  /// Types of elements, with library_types.h's numbers.
  public enum Element {
    FLOAT32(0, 4),
    FLOAT16(2, 2),
    BFLOAT16(14, 2),
    FLOAT8_E4M3(28, 1);

    final int code;
    private final int bytes;

    Element(int code, int bytes) {
      this.code = code;
      this.bytes = bytes;
    }

    /// Bytes an element.
    public int bytes() {
      return bytes;
    }
  }

  /// How products are summed, with cublas_api.h's numbers.
  public enum Compute {
    /// In float32; float32 operands are multiplied exactly, without tensor cores.
    FLOAT32(68),
    /// Float32 operands rounded to TF32 for the tensor cores.
    TF32(77);

    final int code;

    Compute(int code) {
      this.code = code;
    }
  }

  /// What happens to a sum before it is stored, with cublasLt.h's numbers. GELU is the tanh form.
  public enum Epilogue {
    NONE(1, false),
    BIAS(4, true),
    GELU(32, false),
    GELU_BIAS(36, true);

    final int code;
    private final boolean biased;

    Epilogue(int code, boolean biased) {
      this.code = code;
      this.biased = biased;
    }

    /// Whether a bias of `columns` elements is added.
    public boolean biased() {
      return biased;
    }
  }

  /// How FP8 operands are scaled, with cublasLt.h's numbers; scales are float32 factors.
  public enum Scale {
    /// One factor for the whole operand.
    TENSOR(0),
    /// One factor for each row of the input, each output column of the weight.
    VECTOR(3),
    /// One factor for 128 elements along `inner`, laid out `[inner / 128, rows]`.
    BLOCK_1X128(4),
    /// One factor for 128 x 128 elements, `[columns / 128, inner / 128 rounded up to 4]`.
    BLOCK_128X128(5);

    final int code;

    Scale(int code) {
      this.code = code;
    }
  }

  /// Refuses sizes that are not positive and strides shorter than a row.
  public MatmulDescription {
    if (rows < 1 || columns < 1 || inner < 1 || batch < 1) {
      throw new IllegalArgumentException(
          "a product needs sizes of 1 or more, got %d x %d x %d, batch %d"
              .formatted(rows, columns, inner, batch));
    }
    if (inputStride < inner
        || weightStride < (weightByInner ? columns : inner)
        || outputStride < columns) {
      throw new IllegalArgumentException(
          "a row stride is at least the row's length, got input %d, weight %d, output %d"
              .formatted(inputStride, weightStride, outputStride));
    }
  }

  /// A linear layer over dense operands: per-tensor scales when FP8, no bias.
  public static MatmulDescription linear(
      long rows, long columns, long inner, Element input, Element output) {
    return new MatmulDescription(
        rows,
        columns,
        inner,
        input,
        output,
        Compute.FLOAT32,
        Epilogue.NONE,
        Scale.TENSOR,
        Scale.TENSOR,
        false,
        false,
        inner,
        inner,
        columns,
        1,
        0,
        0,
        0);
  }

  /// The same with another epilogue.
  public MatmulDescription with(Epilogue changed) {
    return copy(compute, changed, inputScale, weightScale, fastAccumulation);
  }

  /// The same with another way of summing.
  public MatmulDescription with(Compute changed) {
    return copy(changed, epilogue, inputScale, weightScale, fastAccumulation);
  }

  /// The same with these FP8 scales.
  public MatmulDescription withScales(Scale ofInput, Scale ofWeight) {
    return copy(compute, epilogue, ofInput, ofWeight, fastAccumulation);
  }

  /// The same with the tensor cores' own, shorter accumulation of FP8 products.
  public MatmulDescription withFastAccumulation(boolean changed) {
    return copy(compute, epilogue, inputScale, weightScale, changed);
  }

  /// The same for `count` products at once, matrices this many elements apart.
  public MatmulDescription withBatch(int count, long ofInput, long ofWeight, long ofOutput) {
    return new MatmulDescription(
        rows,
        columns,
        inner,
        input,
        output,
        compute,
        epilogue,
        inputScale,
        weightScale,
        fastAccumulation,
        weightByInner,
        inputStride,
        weightStride,
        outputStride,
        count,
        ofInput,
        ofWeight,
        ofOutput);
  }

  /// The same over operands of which rows lie this many elements apart.
  public MatmulDescription withStrides(
      long ofInput, long ofWeight, long ofOutput, boolean byInner) {
    return new MatmulDescription(
        rows,
        columns,
        inner,
        input,
        output,
        compute,
        epilogue,
        inputScale,
        weightScale,
        fastAccumulation,
        byInner,
        ofInput,
        ofWeight,
        ofOutput,
        batch,
        inputBatch,
        weightBatch,
        outputBatch);
  }

  /// This product in words, every field of it: what a file of algorithms knows it by.
  public String key() {
    var scales = inputScale == Scale.TENSOR && weightScale == Scale.TENSOR ? "" : scaling();
    var text =
        "%d x %d x %d %s to %s, %s, %s%s%s"
            .formatted(
                rows,
                columns,
                inner,
                input,
                output,
                compute,
                epilogue,
                scales,
                fastAccumulation ? ", fast" : "");
    return equals(dense()) ? text : text + layout();
  }

  private String scaling() {
    return ", %s by %s".formatted(inputScale, weightScale);
  }

  private String layout() {
    return ", rows %d %d %d%s, %d of %d %d %d"
        .formatted(
            inputStride,
            weightStride,
            outputStride,
            weightByInner ? " by inner" : "",
            batch,
            inputBatch,
            weightBatch,
            outputBatch);
  }

  private MatmulDescription dense() {
    return linear(rows, columns, inner, input, output)
        .copy(compute, epilogue, inputScale, weightScale, fastAccumulation);
  }

  /// The type of the bias: what the library takes beside this output.
  public Element bias() {
    return input == Element.FLOAT8_E4M3 ? Element.BFLOAT16 : output;
  }

  private MatmulDescription copy(
      Compute newCompute,
      Epilogue newEpilogue,
      Scale newInputScale,
      Scale newWeightScale,
      boolean newFastAccumulation) {
    return new MatmulDescription(
        rows,
        columns,
        inner,
        input,
        output,
        newCompute,
        newEpilogue,
        newInputScale,
        newWeightScale,
        newFastAccumulation,
        weightByInner,
        inputStride,
        weightStride,
        outputStride,
        batch,
        inputBatch,
        weightBatch,
        outputBatch);
  }
}
