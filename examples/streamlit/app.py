import streamlit as st

st.title("Sums")
number = st.slider("Up to", 1, 100, 10)
st.metric("Sum", sum(range(number + 1)))
