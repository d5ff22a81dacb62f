import { Component, type ErrorInfo, type ReactElement, type ReactNode } from 'react';
import { ErrorPanel } from '../components/error-panel.js';

interface Props {
  readonly children: ReactNode;
  /** Value that the error belongs to: when it changes, the children are rendered again. */
  readonly resetKey?: string;
}

/** Shows the error of its children, and a button to try again. */
export class ErrorBoundary extends Component<Props, { readonly error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: Props): void {
    if (this.state.error !== null && before.resetKey !== this.props.resetKey) this.reset();
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    // For people who open the console: there is no other place to report it to.
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
