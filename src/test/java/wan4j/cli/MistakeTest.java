package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// Command lines that cannot be read are told what is missing and what to do.
final class MistakeTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "convert a | convert got no --out; add it",
        "convert --out b | convert got no CKPT; add it",
        "compare a | compare got no B; add it",
        "compare | compare got no A; add it",
        "inspect | inspect got no CKPT; add it",
        "preprocess animate | wan4j preprocess animate got no --video_path, --refer_path and"
            + " --save_path; add them, or see wan4j preprocess animate --help",
        "generate --size a --size b | --size was given twice; expected it once",
        "generate -o a.mp4 --out b.mp4 | -o and --out are one flag and were both given",
        "generate --prompt | --prompt got no value; expected <prompt>",
        "generate --steps few | --steps got \"few\"; it takes a whole number from 1 to 1000",
        "paint | paint",
      })
  void theSentenceNamesTheCure(String arguments, String words) {
    CommandLine line = new CommandLine(new Main());
    ParameterException exception =
        catchThrowableOfType(
            ParameterException.class, () -> line.parseArgs(arguments.split(" ", -1)));
    TypedArguments typed = new TypedArguments(line, arguments.split(" ", -1));
    assertThat(Mistake.sentence(exception, typed)).contains(words);
  }
}
