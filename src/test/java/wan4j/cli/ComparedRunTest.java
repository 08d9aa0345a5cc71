package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.Quantization;
import wan4j.Sampling;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.tensor.InputException;
import wan4j.verify.VideoComparison;
import wan4j.verify.VideoMetrics;

final class ComparedRunTest {
  @TempDir Path folder;

  @Test
  void figuresThatCannotBeWrittenAreToldAndLeaveNothing() throws Exception {
    ComparedRun run =
        new ComparedRun(
            new EngineOptions(Terminal.TEXT_TO_VIDEO, Device.CPU, true, false),
            VideoRequest.of("", new VideoSize(64, 32, 5), Sampling.of(Task.T2V_A14B, 1)),
            Quantization.Recipe.TOKEN);
    VideoComparison same =
        new VideoComparison(new VideoMetrics(0, 99, 1, List.of(), List.of()), List.of());
    run.write(folder.resolve("figures.json"), same);
    Path taken = Files.createDirectory(folder.resolve("taken"));
    assertThatThrownBy(() -> run.write(taken, same))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(taken + " cannot be written (Is a directory)");
    assertThat(Terminal.names(folder)).containsExactly("figures.json", "taken");
  }
}
