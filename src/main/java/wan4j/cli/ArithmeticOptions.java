package wan4j.cli;

import picocli.CommandLine.Option;
import wan4j.Arithmetic;
import wan4j.Device;

/// The flags that say in which arithmetic a device computes what is not quantised.
public final class ArithmeticOptions {
  @Option(
      names = "--precision",
      description =
          "On a GPU, bf16 or fp32, which takes no tensor cores (default: bf16); the CPU computes in"
              + " fp32.")
  private String precision;

  @Option(
      names = "--tf32",
      arity = "0..1",
      fallbackValue = "True",
      description = "With fp32, True to run products on tensor cores in TF32.")
  private String tf32;

  /// Returns the arithmetic that the flags name for a device that was asked for.
  public Arithmetic on(Device device) {
    return on(device, null);
  }

  /// Returns the arithmetic that the flags name for a device; `absence` tells why it is the CPU
  /// where none was asked for, or is null.
  public Arithmetic on(Device device, String absence) {
    return Arithmetic.of(precision, Flags.isTrue("--tf32", tf32, false), device, absence);
  }
}
