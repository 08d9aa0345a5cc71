package wan4j.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import wan4j.Device;
import wan4j.Diagnosis;

/// `wan4j doctor`: what this machine has, what it lacks, and how to get that.
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = "Tells what this machine has of what wan4j uses, and how to get what is missing.")
final class DoctorCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    Diagnosis diagnosis = Diagnosis.ofThisMachine();
    for (Diagnosis.Line line : diagnosis.lines()) {
      String state = line.problem() == null ? "ok" : line.needed() ? "missing" : "note";
      System.out.printf(
          "%-8s %-5s %-14s %s%n", state, line.device().spelling(), line.name(), line.found());
      if (line.problem() != null) {
        System.out.printf("%14s %s%n", "", line.problem());
      }
    }
    for (Device device : Device.values()) {
      System.out.printf(
          "--device %-5s %s%n",
          device.spelling(),
          diagnosis.isUsable(device) ? "can be used" : "cannot be used on this machine");
    }
    return diagnosis.isUsable(Device.CPU) ? 0 : 1;
  }
}
