package wan4j.cuda.tune;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.cuda.CudaOps;
import wan4j.cuda.bind.CublasLt;
import wan4j.cuda.bind.CublasLt.Algorithm;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.cuda.bind.MatmulDescription.Epilogue;
import wan4j.cuda.bind.MatmulDescription.Scale;
import wan4j.cuda.bind.MatmulPlan;

/// What cuBLASLt supports in one product: scalings, epilogues and output types, each tried and
/// timed.
public final class ProductSupport {
  private static final List<Scaling> SCALINGS =
      List.of(
          new Scaling(Scale.TENSOR, Scale.TENSOR),
          new Scaling(Scale.VECTOR, Scale.VECTOR),
          new Scaling(Scale.BLOCK_1X128, Scale.BLOCK_128X128),
          new Scaling(Scale.BLOCK_1X128, Scale.BLOCK_1X128));

  private ProductSupport() {}

  private record Scaling(Scale input, Scale weight) {}

  /// One combination and the milliseconds of its runs, none where the library cannot do it.
  ///
  /// @param input the type of the operands
  /// @param scales how they are scaled
  /// @param fast whether FP8 products are summed with the tensor cores' shorter accumulation
  /// @param epilogue what happens to the sums
  /// @param output the type of the output
  public record Row(
      String input,
      String scales,
      boolean fast,
      String epilogue,
      String output,
      List<Double> times) {
    /// Copies the times.
    public Row {
      times = List.copyOf(times);
    }
  }

  /// Tries every combination at one shape.
  public static List<Row> run(CudaOps ops, long rows, long columns, long inner, int runs) {
    List<MatmulDescription> products = new ArrayList<>();
    for (Scaling scaling : SCALINGS) {
      for (boolean fast : new boolean[] {true, false}) {
        for (Element output : List.of(Element.BFLOAT16, Element.FLOAT32, Element.FLOAT8_E4M3)) {
          MatmulDescription product =
              MatmulDescription.linear(rows, columns, inner, Element.FLOAT8_E4M3, output)
                  .withScales(scaling.input, scaling.weight)
                  .withFastAccumulation(fast);
          addEpilogues(products, product);
        }
      }
    }
    for (Element output : List.of(Element.BFLOAT16, Element.FLOAT32)) {
      addEpilogues(
          products, MatmulDescription.linear(rows, columns, inner, Element.BFLOAT16, output));
    }
    long largest = Math.max(rows, columns) * inner;
    try (ProductOperands operands =
            new ProductOperands(ops, largest, rows * columns * Float.BYTES);
        FastestCandidate fastest = new FastestCandidate(ops)) {
      return products.stream().map(product -> row(ops, operands, fastest, product, runs)).toList();
    }
  }

  private static void addEpilogues(List<MatmulDescription> products, MatmulDescription product) {
    for (Epilogue epilogue : Epilogue.values()) {
      products.add(product.with(epilogue));
    }
  }

  private static Row row(
      CudaOps ops,
      ProductOperands operands,
      FastestCandidate fastest,
      MatmulDescription product,
      int runs) {
    List<Double> times = List.of();
    boolean isKnown =
        product.inputScale() == Scale.TENSOR || CublasLt.vectorScalesAbsence() == null;
    if (isKnown && ops.products().isSupported(product)) {
      try (MatmulPlan plan = operands.plan(product)) {
        List<Algorithm> candidates = operands.candidates(plan, 1);
        if (!candidates.isEmpty()) {
          List<Runnable> run = List.of(operands.run(plan, candidates.getFirst()));
          fastest.times(run, 1, 1); // clocks rise after a pause
          times = Arrays.stream(fastest.times(run, runs, 1)[0]).boxed().toList();
        }
      }
    }
    boolean isFloat8 = product.input() == Element.FLOAT8_E4M3;
    return new Row(
        product.input().name(),
        isFloat8 ? product.inputScale() + " by " + product.weightScale() : "none",
        product.fastAccumulation(),
        product.epilogue().name(),
        product.output().name(),
        times);
  }
}
