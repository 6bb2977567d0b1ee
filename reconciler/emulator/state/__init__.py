"""What is kept? The database, its rows, the lives of jobs and the clock they follow."""
