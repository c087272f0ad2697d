"""How often and when customers are contacted: what was sent, answers, complaints."""
