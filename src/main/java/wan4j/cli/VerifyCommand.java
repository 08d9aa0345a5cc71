package wan4j.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import wan4j.Arithmetic;
import wan4j.Device;
import wan4j.bench.Measurement;
import wan4j.bench.ParityRecord;
import wan4j.verify.Backend;
import wan4j.verify.Comparison;
import wan4j.verify.Verifier;

/// `wan4j verify`: reference cases against this build.
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description =
        "Runs the reference cases below folders and tells how far each result is from the"
            + " reference.")
final class VerifyCommand implements Callable<Integer> {
  @Parameters(arity = "1..*", paramLabel = "DIR", description = "Folders with reference cases.")
  private List<Path> folders;

  @Option(names = "--kind", split = ",", description = "Kinds of cases to run (default: all).")
  private List<String> kinds = List.of();

  @Option(names = "--device", defaultValue = "cpu", description = "cpu or cuda.")
  private String device;

  @Mixin private ArithmeticOptions arithmetic;
  @Mixin private ResidualOptions residual;
  @Mixin private MeasurementOptions measurements;

  @Option(
      names = "--attention",
      description =
          "wan4j: wan4j's own attention kernel takes every case that it can (heads of 128, in bf16"
              + " on a GPU), not only those of so many keys that it is faster than cuDNN.")
  private String attention;

  private int passed;
  private int failed;
  private final Map<String, Integer> skipped = new LinkedHashMap<>();

  @Override
  public Integer call() {
    Device where = Device.of(device);
    Arithmetic chosen = residual.of(arithmetic.on(where), where);
    Consumer<List<Measurement>> file = measurements.file(where);
    try (Backend backend = Backend.open(where, chosen)) {
      if (attention != null) {
        backend.preferAttention(attention);
      }
      ParityRecord record = new ParityRecord(where, chosen, attention);
      Verifier.run(
          folders,
          Set.copyOf(kinds),
          backend,
          result -> {
            report(result);
            record.add(result);
          });
      file.accept(record.measurements());
    }
    System.out.printf("%d passed, %d failed%n", passed, failed);
    if (!skipped.isEmpty()) {
      List<String> named = new ArrayList<>();
      skipped.forEach((kind, count) -> named.add(count + " " + kind));
      System.out.println("skipped, not supported by this build: " + String.join(", ", named));
    }
    return failed == 0 ? 0 : 1;
  }

  private void report(Verifier.Result result) {
    switch (result) {
      case Verifier.Result.Compared compared -> {
        Comparison worst = compared.worst();
        boolean passes = compared.passes();
        passed += passes ? 1 : 0;
        failed += passes ? 0 : 1;
        System.out.printf(
            Locale.ROOT,
            "%s  %-10s %-38s %.2e of %.1e (%s)%n",
            passes ? "PASS" : "FAIL",
            compared.kind(),
            compared.name(),
            worst.error(),
            worst.tolerance(),
            worst.name());
      }
      case Verifier.Result.Failed failure -> {
        failed++;
        System.out.printf(
            "FAIL  %-10s %-38s %s%n", failure.kind(), failure.name(), failure.reason());
      }
      case Verifier.Result.Skipped skip -> skipped.merge(skip.kind(), 1, Integer::sum);
    }
  }
}
