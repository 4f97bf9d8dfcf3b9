"""What must hold before go-live, one module per question."""
