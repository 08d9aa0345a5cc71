package wan4j.cli;

import picocli.CommandLine.Option;
import wan4j.Arithmetic;

/// The flags that say in which arithmetic a GPU computes what is not quantised.
final class ArithmeticOptions {
  @Option(
      names = "--precision",
      defaultValue = "bf16",
      description = "On a GPU, bf16 or fp32, which takes no tensor cores (default: bf16).")
  private String precision;

  @Option(
      names = "--tf32",
      arity = "0..1",
      fallbackValue = "True",
      description = "With fp32, True to run products on tensor cores in TF32.")
  private String tf32;

  /// Returns the arithmetic that the flags name.
  Arithmetic arithmetic() {
    return Arithmetic.of(precision, Flags.isTrue("--tf32", tf32, false));
  }
}
