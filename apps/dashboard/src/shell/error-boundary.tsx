import { Component, type ErrorInfo, type ReactElement, type ReactNode } from 'react';
import { ErrorPanel } from '../components/error-panel.js';

interface Props {
  readonly children: ReactNode;
  /** What the error belongs to: when it changes, the children are tried again. */
  readonly resetKey?: string;
}

/** Shows what its children throw while they render, and a way to try again. */
export class ErrorBoundary extends Component<Props, { readonly error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: Props): void {
    if (this.state.error !== null && before.resetKey !== this.props.resetKey) this.reset();
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    // For whoever opens the console: there is no other place that it could be reported to.
    // oxlint-disable-next-line eslint/no-console
    console.error(error, info.componentStack);
  }

  readonly reset = (): void => this.setState({ error: null });

  override render(): ReactElement | ReactNode {
    return this.state.error === null ? (
      this.props.children
    ) : (
      <ErrorPanel error={this.state.error} onRetry={this.reset} />
    );
  }
}
