package wan4j.cli;

import picocli.CommandLine.Option;
import wan4j.Arithmetic;
import wan4j.Device;

/// The flag that narrows the residual stream, to measure what that saves and loses.
final class ResidualOptions {
  @Option(
      names = "--residual",
      defaultValue = "fp32",
      description =
          "The residual stream of transformers, bf16 or fp32; bf16 only on a GPU in bf16 (default:"
              + " fp32).")
  private String residual;

  /// Returns an arithmetic with the residual stream that the flag names.
  Arithmetic of(Arithmetic arithmetic, Device device) {
    return arithmetic.withResidual(residual, device);
  }
}
