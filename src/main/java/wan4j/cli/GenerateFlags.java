package wan4j.cli;

import java.util.List;
import picocli.CommandLine;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.tensor.InputException;

/// Flags of `wan4j generate`, read by its rules for a command that makes videos of its own.
public final class GenerateFlags {
  private final GenerateCommand command;

  private GenerateFlags(GenerateCommand command) {
    this.command = command;
  }

  /// Reads flags, of which the last one counts where one is given twice; throws `InputException`
  /// for what `wan4j generate` would refuse.
  public static GenerateFlags read(List<String> typed) {
    GenerateCommand command = new GenerateCommand();
    CommandLine line = new CommandLine(command);
    line.setAllowOptionsAsOptionParameters(true); // what is a value is known before
    line.setExpandAtFiles(false);
    line.setOverwrittenOptionsAllowed(true);
    TypedArguments arguments = new TypedArguments(line, typed.toArray(String[]::new));
    try {
      Values.require(line.parseArgs(arguments.words()));
    } catch (CommandLine.ParameterException e) {
      throw new InputException(Mistake.sentence(e, arguments), e);
    }
    command.checkFlags();
    return new GenerateFlags(command);
  }

  /// Returns how the flags set an engine up on a device.
  public EngineOptions options(Device device) {
    return command.options(device, null);
  }

  /// Returns the request of the flags for a task.
  public VideoRequest request(Task task) {
    return command.request(task, Reporter.QUIET);
  }
}
