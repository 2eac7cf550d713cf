"""What is outside the process: each thing behind an interface that says what is promised when it is away."""
