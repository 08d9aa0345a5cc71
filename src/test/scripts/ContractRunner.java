import java.io.PrintWriter;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/// Runs one test class without Maven, for machines that have none.
final class ContractRunner {
  private ContractRunner() {}

  public static void main(String[] arguments) {
    var listener = new SummaryGeneratingListener();
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request()
                .selectors(DiscoverySelectors.selectClass(arguments[0]))
                .build(),
            listener);
    var summary = listener.getSummary();
    System.out.printf(
        "%s: %d tests passed, %d failed, %d tests or classes skipped%n",
        arguments[0],
        summary.getTestsSucceededCount(),
        summary.getTestsFailedCount(),
        summary.getTestsAbortedCount()
            + summary.getTestsSkippedCount()
            + summary.getContainersAbortedCount());
    summary.printFailuresTo(new PrintWriter(System.out, true), 12);
    System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
  }
}
